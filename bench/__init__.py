"""What a task costs, beside azure.azcollection and `ansible.builtin.ping`: `make bench`."""
