"""Words for prompts: wildcards and lists of tags, which users add or the installation publishes."""
