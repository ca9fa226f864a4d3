"""The pages of the codes, FM0304.md and the like: read by `fieldmap explain-code`, shipped with the package."""
