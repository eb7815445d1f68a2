"""The commands around fields, as thin as the command line that they are added to.

`extract` is `docqa extract` and `progress` what it shows meanwhile, `review` is `docqa export`, `correct`,
`corrections` and `calibrate`, `suggest` is `docqa fields suggest`.
"""
