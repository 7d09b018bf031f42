"""What a task costs beside azure.azcollection and `ansible.builtin.ping`, and a run of site.yml beside the walk-through: `make bench`."""
