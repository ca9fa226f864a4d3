"""`python -m fieldmap`"""

from fieldmap.cli.start import main

main()
