/* SHA-1 (FIPS 180-4) of a text, as names of files have it: nothing is protected by it. */
#ifndef SERVICE_SHA1_H
#define SERVICE_SHA1_H

enum { SHA1_HEX_BYTES = 41 };

/* 40 hex digits and NUL. */
void sha1_hex(const char *text, char out[SHA1_HEX_BYTES]);

#endif
