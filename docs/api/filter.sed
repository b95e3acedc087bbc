# Our headers as Doxygen wants to read them.
# The comment at the top is about the file.
1s,^/\*\*( |$),/** @file\1,
# A comment after a field, an enumerator or a macro is about that one.
s,^([^*/]*[A-Za-z0-9_;\,)"]) +/\* ,\1 /**< ,
