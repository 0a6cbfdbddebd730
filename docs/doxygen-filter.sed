# The headers are written in plain C comments. For Doxygen: a comment at the beginning of a line describes
# what follows, one at the end of a line what stands before it; rulers between sections are nothing.
1s,^/\*$,/** @file,
s,^/\* -\{4\}.*,,
s,^\( *\)/\*\( \|$\),\1/**\2,
s,\([;\,}]\|[A-Za-z0-9_]\) */\* ,\1 /**< ,
