/**
 * The one list of errors and reason codes.
 *
 * Numbers are stable: they go over the wire, into journal records and into field reports. The high byte names
 * the module, the low byte the error. Extend only; never renumber, never reuse. FOTA_OK is 0.
 *
 * Usage: functions return `enum fota_err`, give results through pointers, and leave outputs untouched on
 * failure.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#include "base/attr.h"

/* clang-format off */
#define FOTA_ERR_LIST(X)                                                                                       \
    X(FOTA_OK,                    0x0000, "ok")                                                                \
    X(E_ARG,                      0x0001, "argument out of range")                                             \
    X(E_NO_SPACE,                 0x0002, "buffer too small")                                                  \
    X(E_TIMEOUT,                  0x0003, "no answer in time")                                                 \
    X(E_STATE,                    0x0004, "not allowed in this state")                                         \
    X(E_INTERNAL,                 0x0005, "internal check failed")                                             \
    X(E_UNSUPPORTED,              0x0006, "not supported here")                                                \
    X(E_FLASH_PROGRAM,            0x0101, "flash: program error flag")                                         \
    X(E_FLASH_ERASE,              0x0102, "flash: erase error flag")                                           \
    X(E_FLASH_VERIFY,             0x0103, "flash: read-back differs from what was programmed")                 \
    X(E_FLASH_NOT_BLANK,          0x0104, "flash: not blank after erase")                                      \
    X(E_FLASH_RANGE,              0x0105, "flash: address outside the allowed range")                          \
    X(E_FLASH_TIMEOUT,            0x0106, "flash: busy longer than the datasheet's maximum")                   \
    X(E_FLASH_PROTECTED,          0x0107, "flash: sector is write-protected")                                  \
    X(E_FLASH_SUPPLY,             0x0108, "flash: supply voltage too low for x32 programming")                 \
    X(E_FLASH_ALIGN,              0x0109, "flash: address or length not a multiple of 4")                      \
    X(E_IMAGE_MAGIC,              0x0201, "image: header magic is wrong")                                      \
    X(E_IMAGE_HEADER,             0x0202, "image: header field is out of range")                               \
    X(E_IMAGE_SIZE,               0x0203, "image: does not fit the slot or is truncated")                      \
    X(E_IMAGE_TLV,                0x0204, "image: TLV area is malformed")                                      \
    X(E_IMAGE_SLOT,               0x0205, "image: linked for the other slot")                                  \
    X(E_IMAGE_HARDWARE,           0x0206, "image: for another hardware id")                                    \
    X(E_IMAGE_COUNTER,            0x0207, "image: security counter is below the floor")                        \
    X(E_IMAGE_HASH,               0x0208, "image: SHA-256 does not match")                                     \
    X(E_IMAGE_KEY,                0x0209, "image: signed by an unknown key")                                   \
    X(E_IMAGE_SIGNATURE,          0x020A, "image: signature does not verify")                                  \
    X(E_IMAGE_UNSIGNED,           0x020B, "image: carries no signature")                                       \
    X(E_IMAGE_TRAILING,           0x020C, "image: bytes after the TLVs")                                       \
    X(E_IMAGE_BLANK,              0x020D, "image: slot is blank")                                              \
    X(E_IMAGE_VECTORS,            0x020E, "image: vector table points outside RAM or slot")                    \
    X(E_IMAGE_TLV_UNKNOWN,       0x020F, "image: carries a TLV that is not known here")                        \
    X(E_IMAGE_REVOKED,           0x0210, "image: signed by a key that was revoked")                            \
    X(E_IMAGE_REVOKES,           0x0211, "image: only the next key may revoke the active one")                 \
    X(E_STATEMENT_SYNTAX,         0x0301, "statement: line is malformed, unknown, repeated or out of order")   \
    X(E_STATEMENT_SIZE,           0x0302, "statement: longer than the limit")                                  \
    X(E_STATEMENT_KEY,            0x0303, "statement: signed by an unknown key")                               \
    X(E_STATEMENT_SIGNATURE,      0x0304, "statement: signature does not verify")                              \
    X(E_STATEMENT_PRODUCT,        0x0305, "statement: for another product, hardware or channel")               \
    X(E_STATEMENT_EXPIRED,        0x0306, "statement: expired")                                                \
    X(E_STATEMENT_REPLAY,         0x0307, "statement: sequence number went back")                              \
    X(E_STATEMENT_MISMATCH,       0x0308, "statement: does not describe this image")                           \
    X(E_STATEMENT_COUNTER,        0x0309, "statement: security counter is below the floor")                    \
    X(E_STATEMENT_HALTED,         0x030A, "statement: the channel is halted")                                  \
    X(E_STATEMENT_ROLLOUT,        0x030B, "statement: not this device's turn in the rollout")                  \
    X(E_STATEMENT_PRECURSOR,      0x030C, "statement: needs a newer bootloader or application first")          \
    X(E_STATEMENT_REVOKED,       0x030D, "statement: signed by a key that was revoked")                        \
    X(E_STATEMENT_FORMAT,        0x030E, "statement: of a format that is not known here")                      \
    X(E_JOURNAL_LOST,             0x0401, "journal: no valid record in either sector")                         \
    X(E_JOURNAL_FULL,             0x0402, "journal: no free record without an erase")                          \
    X(E_JOURNAL_DEGRADED,         0x0403, "journal: one mirror needs repair")                                  \
    X(E_JOURNAL_FORMAT,          0x0404, "journal: record of a format that is not known here")                 \
    X(E_SLOT_REJECTED,            0x0501, "slot: this image was rejected before")                              \
    X(E_SLOT_TRIALS_SPENT,        0x0502, "slot: no trial run left, never confirmed")                          \
    X(E_SLOT_NOT_BOOTABLE,        0x0503, "slot: no bootable image in either slot")                            \
    X(E_SLOT_FELL_BACK,           0x0504, "slot: active image failed verification, other confirmed image runs")\
    X(E_SLOT_CRASH_LOOP,          0x0505, "slot: confirmed image crash-looped, other confirmed image runs")    \
    X(E_SLOT_HEALTHY,             0x0506, "slot: a confirmed image runs, there is nothing to recover")         \
    X(E_SLOT_STARTS_SPENT,       0x0507, "slot: started sixteen times, never confirmed")                       \
    X(E_SLOT_LAST_RESORT,        0x0508, "slot: not confirmed, but the only image: tried again and again")     \
    X(E_UPDATE_NO_SESSION,        0x0510, "update: no session is open")                                        \
    X(E_UPDATE_SESSION,           0x0511, "update: another session is open")                                   \
    X(E_UPDATE_OFFSET,            0x0512, "update: offset is not the next expected one")                       \
    X(E_UPDATE_INCOMPLETE,        0x0513, "update: bytes are missing")                                         \
    X(E_UPDATE_BUSY,              0x0514, "update: the application does not allow it now")                     \
    X(E_UPDATE_DIGEST,            0x0515, "update: slot content differs from the release statement")           \
    X(E_UPDATE_GAVE_UP,           0x0516, "update: too many attempts with this release, gave up")              \
    X(E_UPDATE_LOADER_KEY,       0x0517, "update: this release ends the key of the loader, update that first") \
    X(E_UPDATE_PLAIN,            0x0518, "update: the application takes no session without a statement")       \
    X(E_UPDATE_DAMAGED,          0x0519, "update: the bytes received are not those that the statement names")  \
    X(E_UPDATE_WINDOW,           0x051A, "update: waits for the hours in which the target may restart")        \
    X(E_LOADER_PROTECTED,        0x0520, "loader: sector 1 is write-protected")                                \
    X(E_LOADER_INVALID,          0x0521, "loader: sector 1 holds no loader that verifies")                     \
    X(E_LOADER_MEMORY,           0x0522, "loader: the application lends no memory to receive it")              \
    X(E_LOADER_NOT_NOW,          0x0523, "loader: only a running, confirmed application may replace it")       \
    X(E_LINK_COMMAND,             0x0601, "link: unknown or malformed command")                                \
    X(E_LINK_CHECKSUM,            0x0602, "link: checksum is wrong")                                           \
    X(E_LINK_ADDRESS,             0x0603, "link: address is not allowed")                                      \
    X(E_LINK_LENGTH,              0x0604, "link: length is not allowed")                                       \
    X(E_LINK_NACK,                0x0605, "link: the loader refused (NACK)")                                   \
    X(E_LINK_NO_LOADER,           0x0606, "link: no loader answers")                                           \
    X(E_LINK_REPLY,               0x0607, "link: reply is malformed")                                          \
    X(E_LINK_NO_VENDOR,           0x0608, "link: the loader has no vendor commands")                           \
    X(E_LINK_AGENT_SILENT,        0x0609, "link: nothing answers as the target stands")                        \
    X(E_LINK_RESET_SILENT,        0x060A, "link: nothing answers after a reset")                               \
    X(E_LINK_BOOT_MISSING,        0x060B, "link: sector 0 holds no bootloader")                                \
    X(E_LINK_REQUEST_IGNORED,     0x060C, "link: the bootloader was asked to stay and does not answer")        \
    X(E_LINK_ROM_SILENT,          0x060D, "link: ST's ROM loader does not answer on SPI1")                     \
    X(E_LINK_BOOT0,               0x060E, "link: BOOT0 has no effect, our own loader answers")                 \
    X(E_LINK_PROTECTED,           0x060F, "link: the chip is read-protected (RDP)")                            \
    X(E_LINK_CHIP,                0x0610, "link: another chip than STM32F405/407 answers")                     \
    X(E_LINK_VERSION,            0x0611, "link: the loader has another version of the vendor commands")        \
    X(E_LINK_LOADER_MISSING,     0x0612, "link: sector 1 holds no loader that runs")                           \
    X(E_CRYPTO_KEY,               0x0701, "key: not a P-256 key")                                              \
    X(E_KEY_FILE,                 0x0702, "key: file cannot be read as PEM")                                   \
    X(E_KEY_MODE,                 0x0703, "key: private key file can be read by others; chmod 600 it")         \
    X(E_IO,                       0x0801, "input/output error")                                                \
    X(E_NOT_FOUND,                0x0802, "not found")                                                         \
    X(E_EXISTS,                   0x0803, "exists already")                                                    \
    X(E_NET_DNS,                  0x0901, "net: host name does not resolve")                                   \
    X(E_NET_CONNECT,              0x0902, "net: cannot connect")                                               \
    X(E_NET_TLS,                  0x0903, "net: TLS failed")                                                   \
    X(E_NET_CUT,                  0x0904, "net: connection ended early")                                       \
    X(E_HTTP_STATUS,              0x0905, "http: unexpected status")                                           \
    X(E_HTTP_REPLY,               0x0906, "http: reply is malformed")                                          \
    X(E_HTTP_LIMIT,              0x0907, "http: reply is larger than its bound")                               \
    X(E_HTTP_LENGTH,             0x0908, "http: reply has another length than what was asked for")             \
    X(E_S3_CREDENTIALS,           0x0910, "s3: access denied or wrong credentials")                            \
    X(E_S3_CLOCK,                 0x0911, "s3: this machine's clock differs from the server's")                \
    X(E_S3_NO_BUCKET,             0x0912, "s3: bucket does not exist")                                         \
    X(E_S3_NO_KEY,                0x0913, "s3: object does not exist")                                         \
    X(E_S3_THROTTLED,             0x0914, "s3: server asks to slow down")                                      \
    X(E_S3_PRECONDITION,          0x0915, "s3: object changed or exists already")                              \
    X(E_S3_REGION,                0x0916, "s3: bucket is in another region")                                   \
    X(E_S3_SERVER,                0x0917, "s3: server error")                                                  \
    X(E_S3_RANGE,                 0x0918, "s3: range not satisfiable")
/* clang-format on */

enum fota_err {
#define FOTA_ERR_ENUM(id, number, text) id = (number),
    FOTA_ERR_LIST(FOTA_ERR_ENUM)
#undef FOTA_ERR_ENUM
};

/**
 * English text of an error.
 *
 * @param err  any value, known or not
 * @return static text; "unknown error" for a number that is not in the list. Never NULL.
 */
const char *fota_err_text(enum fota_err err);

/**
 * Name of an error as written in the source, e.g. "E_IMAGE_HASH".
 *
 * @param err  any value, known or not
 * @return static text; "E_UNKNOWN" for a number that is not in the list. Never NULL.
 */
const char *fota_err_name(enum fota_err err);

#endif
