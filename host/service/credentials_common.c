/* What each way to credentials needs: a sentence, a variable, a file, a request. And the environment. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credentials_priv.h"

enum fota_err credentials_fail(struct credentials_hunt *h, enum fota_err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(h->why, SERVICE_WHY_BYTES, format, args);
    va_end(args);
    return err;
}

const char *credentials_variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

bool credentials_put(char *out, size_t n_out, const char *text)
{
    int n = snprintf(out, n_out, "%s", text ? text : "");
    return n >= 0 && (size_t)n < n_out;
}

enum fota_err credentials_from_environment(struct credentials_hunt *h)
{
    struct service_credentials *c = &h->found;
    const char *id = credentials_variable("AWS_ACCESS_KEY_ID");
    const char *secret = credentials_variable("AWS_SECRET_ACCESS_KEY");
    if (!id) {
        return E_NOT_FOUND;
    }
    if (!secret) {
        return credentials_fail(h, E_ARG,
                                "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both or none");
    }
    c->source = SERVICE_SOURCE_ENVIRONMENT;
    c->expires_s = 0;
    if (credentials_put(c->id, sizeof c->id, id) && credentials_put(c->secret, sizeof c->secret, secret) &&
        credentials_put(c->token, sizeof c->token, credentials_variable("AWS_SESSION_TOKEN"))) {
        return FOTA_OK;
    }
    return credentials_fail(h, E_ARG,
                            "the credentials of the environment are too long: a key id has at most %d "
                            "characters, a secret %d, a token %d",
                            SERVICE_KEY_ID_BYTES - 1, SERVICE_SECRET_BYTES - 1, SERVICE_TOKEN_BYTES - 1);
}

/* --- a file ------------------------------------------------------------------------------------------ */

enum fota_err credentials_read_file(struct credentials_hunt *h, const char *path, char *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    text[0] = '\0';
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return E_NOT_FOUND;
    }
    ssize_t n = fd < 0 ? -1 : read(fd, text, CREDENTIALS_FILE_BYTES);
    int error = errno;
    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
    }
    if (n < 0 || n == CREDENTIALS_FILE_BYTES) {
        text[0] = '\0';
        return credentials_fail(h, E_IO, "%.200s cannot be read: %s; check its owner and mode", path,
                                n < 0 ? strerror(error) : "it is too long");
    }
    text[n] = '\0';
    return FOTA_OK;
}

/* --- one request ------------------------------------------------------------------------------------- */

static enum fota_err take(void *ctx, unsigned status, const uint8_t *bytes, size_t n_bytes)
{
    struct credentials_reply *r = ctx;
    (void)status;
    if (n_bytes >= sizeof r->text - r->n) {
        return E_HTTP_LIMIT;
    }
    memcpy(r->text + r->n, bytes, n_bytes);
    r->n += n_bytes;
    r->text[r->n] = '\0';
    return FOTA_OK;
}

static void drop_header(void *ctx, const char *name, size_t n_name, const char *value, size_t n_value)
{
    (void)ctx;
    (void)name;
    (void)n_name;
    (void)value;
    (void)n_value;
}

enum fota_err credentials_ask(struct http *http, const struct http_request *request,
                              struct credentials_reply *out, unsigned *status)
{
    const struct http_sink sink = {.header = drop_header, .body = take, .ctx = out};
    out->n = 0;
    out->text[0] = '\0';
    *status = 0;
    return http ? http_perform(http, request, &sink, status) : E_NET_CONNECT;
}
