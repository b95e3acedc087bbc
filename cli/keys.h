/**
 * Keys and files as the verbs name them, with their error sentences.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli.h"
#include "release/key.h"

enum { CLI_PATH_BYTES = 4096, CLI_IMAGE_MAX_BYTES = 1024 * 1024 };

/** Read a private or public key; on failure a sentence was printed and its exit code is returned. */
FOTA_MUST_CHECK
enum cli_exit cli_key_private(struct cli *cli, const char *path, struct key *out);
FOTA_MUST_CHECK
enum cli_exit cli_key_public(struct cli *cli, const char *path, struct key *out);

/** As above for `<folder>/<name>.pem` and `<folder>/<name>.pub.pem`. */
FOTA_MUST_CHECK
enum cli_exit cli_key_private_in(struct cli *cli, const char *folder, const char *name, struct key *out);
FOTA_MUST_CHECK
enum cli_exit cli_key_public_in(struct cli *cli, const char *folder, const char *name, struct key *out);

/** Does `<folder>/<name><suffix>` exist? */
bool cli_key_exists(const char *folder, const char *name, const char *suffix);

/** Read a file of at most `limit_bytes`; free() *out. Prints a sentence on failure. */
FOTA_MUST_CHECK
enum cli_exit cli_file(struct cli *cli, const char *path, size_t limit_bytes, uint8_t **out, size_t *n_bytes);

/** Key id as text, for messages. */
void cli_key_id_text(const struct key *key, char out[2 * STATEMENT_KEY_ID_BYTES + 1]);

enum { CLI_VERSION_BYTES = 32 };

/** Version `major.minor.revision`, with `+build` if that is not 0, for messages. */
void cli_version_build_text(uint32_t version, uint32_t build, char out[CLI_VERSION_BYTES]);

/** Version `major.minor.revision` of a packed version, for messages. */
void cli_version_text(uint32_t version, char out[16]);

#endif
