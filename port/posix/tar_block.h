/** One header block of a tar file (POSIX 1003.1, pax, "ustar Interchange Format"). */
#ifndef PORT_POSIX_TAR_BLOCK_H
#define PORT_POSIX_TAR_BLOCK_H

enum {
    TAR_BLOCK_BYTES = 512,
    TAR_NAME_BYTES = 100,
    TAR_MODE_OFF = 100,
    TAR_UID_OFF = 108,
    TAR_GID_OFF = 116,
    TAR_SIZE_OFF = 124,
    TAR_SIZE_DIGITS = 12,
    TAR_TIME_OFF = 136,
    TAR_SUM_OFF = 148,
    TAR_SUM_DIGITS = 8,
    TAR_TYPE_OFF = 156,
    TAR_MAGIC_OFF = 257,
    TAR_PREFIX_OFF = 345,
    TAR_PREFIX_BYTES = 155
};

#endif
