"""`python -m fieldmap`"""

from fieldmap.cli.main import main

main()
