"""What Mooring writes for other web servers: the static site, and a configuration of nginx in front of gateways."""
