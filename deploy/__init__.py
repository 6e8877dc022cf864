"""What it takes to run the platform somewhere: native engines for this host, and the files of other ways to deploy it."""
