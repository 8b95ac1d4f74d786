"""Which build of Mooring this is: the gateway writes a digest of the package's sources here when it hands the page out.

Empty when it came from nowhere in particular; then nothing is compared.
"""

BUILD = ""
