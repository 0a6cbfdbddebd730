"""Request client: sends the images of a folder with a routing header and saves the cut-outs.

``cli`` reads the flags and reports, ``run`` sends the folder, ``server`` is the HTTP connection, ``pictures``
reads and writes files, ``route`` predicts with libheaderroute which pods may answer.
"""
