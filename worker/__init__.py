"""The shell: clock, disk, queue, engines; introduces router and db to each other."""
