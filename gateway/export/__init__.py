"""What Mooring writes for others to serve: the static site, and a configuration of nginx in front of gateways."""
