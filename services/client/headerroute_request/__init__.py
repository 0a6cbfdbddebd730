"""Request client: sends the pictures of a folder with a routing header, saves the cut-outs.

``cli`` reads the flags and reports, ``run`` sends the folder, ``server`` speaks HTTP, ``pictures``
reads and writes files, ``route`` predicts with libheaderroute who may answer.
"""
