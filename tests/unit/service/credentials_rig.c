#include "credentials_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct rig rig;

static void note(const struct http_request *r)
{
    struct rig_seen *s = &rig.seen[rig.n_requests % RIG_SEEN];
    size_t n = 0;
    s->method = r->method;
    (void)snprintf(s->url, sizeof s->url, "%s", r->url);
    s->headers[0] = '\0';
    for (size_t i = 0; i < r->n_headers; i++) {
        n += (size_t)snprintf(s->headers + n, sizeof s->headers - n, "%s: %s\n", r->header[i].name,
                              r->header[i].value);
        assert_true(n < sizeof s->headers);
    }
    assert_true(r->n_body_bytes < sizeof s->body);
    memcpy(s->body, r->body ? (const char *)r->body : "", r->n_body_bytes);
    s->body[r->n_body_bytes] = '\0';
}

static enum fota_err perform(struct http *http, const struct http_request *request,
                             const struct http_sink *sink, unsigned *status)
{
    (void)http;
    note(request);
    const char *headers = rig.seen[rig.n_requests++ % RIG_SEEN].headers;
    for (unsigned i = 0; i < RIG_ANSWERS && rig.answers[i].url; i++) {
        struct rig_answer *a = &rig.answers[i];
        if (a->times != UINT32_MAX && strcmp(a->url, request->url) == 0 &&
            (!a->needs_header || strstr(headers, a->needs_header))) {
            a->times = a->times == 0 ? 0 : a->times == 1 ? UINT32_MAX : a->times - 1;
            *status = a->status ? a->status : 200;
            return sink->body(sink->ctx, *status, (const uint8_t *)a->body, strlen(a->body));
        }
    }
    return E_NET_CONNECT;
}

static const struct http_ops http_ops = {.perform = perform};

int rig_set_up(void **state)
{
    (void)state;
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_ENDPOINT_URL",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_ENDPOINT_URL_SSO",
                                        "AWS_ROLE_ARN",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_EC2_METADATA_DISABLED",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"};
    char path[128];
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        rig_set(names[i], NULL);
    }
    memset(&rig, 0, sizeof rig);
    rig.http.ops = &http_ops;
    (void)snprintf(rig.home, sizeof rig.home, "credentials_test.XXXXXX");
    assert_non_null(mkdtemp(rig.home));
    rig_set("HOME", rig.home);
    (void)snprintf(path, sizeof path, "%s/credentials", rig.home);
    rig_set("AWS_SHARED_CREDENTIALS_FILE", path);
    (void)snprintf(path, sizeof path, "%s/config", rig.home);
    rig_set("AWS_CONFIG_FILE", path);
    return 0;
}

int rig_tear_down(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", rig.home);
    return system(command);
}

void rig_write(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", rig.home, name);
    for (char *slash = strchr(path + strlen(rig.home) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700); /* it may be there */
        *slash = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

void rig_set(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static enum fota_err look(struct http *http, const char *profile)
{
    const struct service_search search = {.near = http, .far = http, .profile = profile, .now_s = RIG_NOW_S};
    return service_credentials_find(&search, &rig.found, rig.why);
}

enum fota_err rig_look(const char *profile)
{
    return look(&rig.http, profile);
}

enum fota_err rig_look_offline(const char *profile)
{
    return look(NULL, profile);
}
