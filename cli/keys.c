#include "keys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "format/statement_write.h"
#include "release/file.h"

static enum cli_exit key_failed(struct cli *cli, enum fota_err err, const char *path, const char *kind)
{
    switch (err) {
    case E_NOT_FOUND:
        return cli_fail(cli, err, "%s key %s does not exist; make keys with: fota keygen", kind, path);
    case E_KEY_MODE:
        return cli_fail(cli, err, "private key %s can be read by others; run: chmod 600 %s", path, path);
    case E_KEY_FILE:
        return cli_fail(cli, err, "%s holds no %s key in PEM; give another file", path, kind);
    case E_CRYPTO_KEY:
        return cli_fail(cli, err, "%s is not a P-256 key; make keys with: fota keygen", path);
    default:
        return cli_fail(cli, err, "%s key %s cannot be read: %s", kind, path, strerror(errno));
    }
}

enum cli_exit cli_key_private(struct cli *cli, const char *path, struct key *out)
{
    enum fota_err err = key_read_private(path, out);
    return err ? key_failed(cli, err, path, "private") : CLI_OK;
}

enum cli_exit cli_key_public(struct cli *cli, const char *path, struct key *out)
{
    enum fota_err err = key_read_public(path, out);
    return err ? key_failed(cli, err, path, "public") : CLI_OK;
}

static void join(const char *folder, const char *name, const char *suffix, char out[CLI_PATH_BYTES])
{
    const int n = snprintf(out, CLI_PATH_BYTES, "%s/%s%s", folder, name, suffix);
    if (n < 0 || n >= CLI_PATH_BYTES) {
        out[0] = '\0'; /* opens as "no such file" */
    }
}

enum cli_exit cli_key_private_in(struct cli *cli, const char *folder, const char *name, struct key *out)
{
    char path[CLI_PATH_BYTES];
    join(folder, name, ".pem", path);
    return cli_key_private(cli, path, out);
}

enum cli_exit cli_key_public_in(struct cli *cli, const char *folder, const char *name, struct key *out)
{
    char path[CLI_PATH_BYTES];
    join(folder, name, ".pub.pem", path);
    return cli_key_public(cli, path, out);
}

bool cli_key_exists(const char *folder, const char *name, const char *suffix)
{
    char path[CLI_PATH_BYTES];
    join(folder, name, suffix, path);
    return access(path, F_OK) == 0;
}

enum cli_exit cli_file(struct cli *cli, const char *path, size_t limit_bytes, uint8_t **out, size_t *n_bytes)
{
    enum fota_err err = file_read(path, limit_bytes, out, n_bytes, NULL);
    switch (err) {
    case FOTA_OK:
        return CLI_OK;
    case E_NOT_FOUND:
        return cli_fail(cli, err, "file %s does not exist; check the name", path);
    case E_NO_SPACE:
        (void)cli_fail(cli, err, "file %s is longer than %zu bytes, so it is no image for this target", path,
                       limit_bytes);
        return CLI_REFUSED;
    default:
        return cli_fail(cli, err, "file %s cannot be read: %s", path, strerror(errno));
    }
}

void cli_key_id_text(const struct key *key, char out[2 * STATEMENT_KEY_ID_BYTES + 1])
{
    struct statement_text t = {out, (size_t)2 * STATEMENT_KEY_ID_BYTES, 0, false};
    statement_put_hex(&t, key_id(key), STATEMENT_KEY_ID_BYTES);
    out[t.n_bytes] = '\0';
}

void cli_version_text(uint32_t version, char out[16])
{
    struct statement_text t = {out, 15, 0, false};
    statement_put_version(&t, version);
    out[t.n_bytes] = '\0';
}

void cli_version_build_text(uint32_t version, uint32_t build, char out[CLI_VERSION_BYTES])
{
    struct statement_text t = {out, CLI_VERSION_BYTES - 1, 0, false};
    statement_put_version(&t, version);
    if (build != 0) {
        statement_put_string(&t, "+");
        statement_put_u32(&t, build);
    }
    out[t.n_bytes] = '\0';
}
