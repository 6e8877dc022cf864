from mla.cli import main

main()
