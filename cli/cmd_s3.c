/* fota s3: the local S3 for demo, tests and development. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"

enum { OPT_DIR, OPT_PORT, OPT_USER, OPT_BUCKET };
enum { ARGUMENTS_MAX = 2 * CLI_LIST_MAX * 2 + 16, LINE_BYTES = 256, PORT_MAX = 65535, PATH_BYTES = 4096 };

#define SERVER_NAME "local_s3.py"

#define DEFAULT_PUBLISHER "AKIAFOTAPUBLISHER"
#define DEFAULT_DEVICE    "AKIAFOTADEVICE"
#define DEFAULT_BUCKET    "fota-releases"

static const struct cli_option OPTIONS[] = {
    {"dir", CLI_TEXT, "DIR", ".s3", "folder for data; survives restarts"},
    {"port", CLI_NUMBER, "N", "9000", "port on 127.0.0.1; 0 takes a free one"},
    {"user", CLI_LIST, "ID:SECRET[:admin]", NULL,
     "a key pair; admin may do everything (default: a publisher and a device)"},
    {"bucket", CLI_LIST, "NAME[:read=ID]", NULL,
     "a bucket and who may read it (default: " DEFAULT_BUCKET ", device)"},
    {NULL, CLI_FLAG, NULL, NULL, NULL},
};

/* The child, for the signal handler. */
static volatile sig_atomic_t child_pid;

static void forward(int number)
{
    (void)number;
    if (child_pid > 0) {
        (void)kill((pid_t)child_pid, SIGTERM);
    }
}

/* Path of the server: it lies beside this command, in the build folder and in a release. */
static bool find_server(char path[PATH_BYTES])
{
    const ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - 1);
    if (n <= 0) {
        return false;
    }
    path[n] = '\0';
    char *name = strrchr(path, '/');
    if (!name || (size_t)(name + 1 - path) + sizeof SERVER_NAME > PATH_BYTES) {
        return false;
    }
    (void)memcpy(name + 1, SERVER_NAME, sizeof SERVER_NAME);
    return access(path, R_OK) == 0;
}

/* Arguments of the server; points into `v` and `server`. */
static void fill_arguments(const struct cli_values *v, const char *server, const char *argv[ARGUMENTS_MAX])
{
    size_t n = 0;
    argv[n++] = "/usr/bin/python3"; /* Debian's python: python3-swift is installed for that one */
    argv[n++] = server;
    argv[n++] = "--dir";
    argv[n++] = v->option[OPT_DIR].text;
    argv[n++] = "--port";
    argv[n++] = v->option[OPT_PORT].text;
    const struct cli_value *users = &v->option[OPT_USER];
    const struct cli_value *buckets = &v->option[OPT_BUCKET];
    for (size_t i = 0; i < users->n_list; i++) {
        argv[n++] = "--user";
        argv[n++] = users->list[i];
    }
    if (users->n_list == 0) {
        argv[n++] = "--user";
        argv[n++] = DEFAULT_PUBLISHER ":publisher-secret:admin";
        argv[n++] = "--user";
        argv[n++] = DEFAULT_DEVICE ":device-secret";
    }
    for (size_t i = 0; i < buckets->n_list; i++) {
        argv[n++] = "--bucket";
        argv[n++] = buckets->list[i];
    }
    if (buckets->n_list == 0) {
        argv[n++] = "--bucket";
        argv[n++] = users->n_list == 0 ? DEFAULT_BUCKET ":read=" DEFAULT_DEVICE : DEFAULT_BUCKET;
    }
    argv[n] = NULL;
}

/* Start the server with its standard output on a pipe. */
static pid_t start(const char *const *argv, int *from_child)
{
    int ends[2];
    const pid_t parent = getpid();
    if (pipe(ends) != 0) {
        return -1;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        /* The server must not outlive us, whatever happens to us. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent ||
            dup2(ends[1], STDOUT_FILENO) < 0) {
            _exit(127);
        }
        close(ends[0]);
        close(ends[1]);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        (void)fprintf(stderr, "fota: %s cannot be started: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -1;
    }
    *from_child = ends[0];
    return pid;
}

/* `ID` and `SECRET` of `ID:SECRET[:admin]` as two exports. */
static void print_credentials(FILE *out, const char *prefix, const char *user)
{
    const size_t n_id = strcspn(user, ":");
    const char *secret = user[n_id] != '\0' ? user + n_id + 1 : "";
    (void)fprintf(out, "%sexport AWS_ACCESS_KEY_ID=%.*s AWS_SECRET_ACCESS_KEY=%.*s\n", prefix, (int)n_id,
                  user, (int)strcspn(secret, ":"), secret);
}

static void print_ready(struct cli *cli, const struct cli_values *v, const char *url)
{
    const struct cli_value *users = &v->option[OPT_USER];
    const struct cli_value *buckets = &v->option[OPT_BUCKET];
    const char *bucket = buckets->n_list != 0 ? buckets->list[0] : DEFAULT_BUCKET;
    if (cli->is_json) {
        struct cli_json j = {cli->out, true};
        cli_json_open(&j, NULL, '{');
        cli_json_flag(&j, "ok", true);
        cli_json_text(&j, "endpoint", url);
        cli_json_bytes(&j, "bucket", bucket, strcspn(bucket, ":"));
        cli_json_close(&j, '}');
        (void)fputc('\n', cli->out);
    } else {
        (void)fprintf(cli->out, "export AWS_ENDPOINT_URL=%s AWS_REGION=us-east-1 FOTA_BUCKET=%.*s\n", url,
                      (int)strcspn(bucket, ":"), bucket);
        print_credentials(cli->out, "",
                          users->n_list != 0 ? users->list[0] : DEFAULT_PUBLISHER ":publisher-secret");
        if (users->n_list == 0) {
            print_credentials(cli->out, "# device: ", DEFAULT_DEVICE ":device-secret");
        }
        cli_note(cli, "S3 is up; Ctrl-C stops it");
    }
    (void)fflush(cli->out);
}

/* The server's ready line names its URL. False if it ended instead. */
static bool wait_ready(int from_child, char url[LINE_BYTES])
{
    static const char ready[] = "local_s3 ready ";
    FILE *in = fdopen(from_child, "r");
    char line[LINE_BYTES];
    bool is_ready = false;
    while (in && !is_ready && fgets(line, sizeof line, in)) {
        if (strncmp(line, ready, sizeof ready - 1) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(url, LINE_BYTES, "%s", line + sizeof ready - 1);
            is_ready = true;
        }
    }
    if (in) {
        (void)fclose(in);
    }
    return is_ready;
}

static int wait_end(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static enum cli_exit run(struct cli *cli, const struct cli_command *self, int argc, char **argv)
{
    struct cli_values v;
    bool is_done = false;
    const enum cli_exit result = cli_parse(cli, self, argc, argv, &v, &is_done);
    if (is_done) {
        return result;
    }
    if (v.n_positionals != 0) {
        return cli_usage(cli, self, "'%s' is not expected", v.positional[0]);
    }
    if (v.option[OPT_PORT].number > PORT_MAX) {
        return cli_usage(cli, self, "--port is 0 to %d", PORT_MAX);
    }
    char server[PATH_BYTES];
    if (!find_server(server)) {
        return cli_fail(cli, E_IO,
                        SERVER_NAME " is not beside the fota command; keep both files in one folder");
    }
    const char *arguments[ARGUMENTS_MAX];
    int from_child = -1;
    fill_arguments(&v, server, arguments);
    struct sigaction action = {.sa_handler = forward};
    sigemptyset(&action.sa_mask);
    const pid_t pid = start(arguments, &from_child);
    if (pid < 0) {
        return cli_fail(cli, E_IO, "the S3 server cannot be started: %s", strerror(errno));
    }
    child_pid = pid;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    char url[LINE_BYTES];
    const bool is_ready = wait_ready(from_child, url);
    if (is_ready) {
        print_ready(cli, &v, url);
    }
    const int status = wait_end(pid);
    if (is_ready && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return CLI_OK;
    }
    (void)cli_fail(cli, E_IO,
                   is_ready ? "the S3 server ended unexpectedly; start it again"
                            : "the S3 server did not start; the line above says why");
    return CLI_NETWORK;
}

const struct cli_command cli_cmd_s3 = {
    .name = "s3",
    .summary = "run a local S3 for development and tests",
    .arguments = "[--dir DIR] [--port N] [--user ID:SECRET[:admin]]... [--bucket NAME[:read=ID]]...",
    .details = "Starts OpenStack Swift with its S3 API in one process on 127.0.0.1 (Debian package "
               "python3-swift), makes users\n"
               "and buckets, prints the environment that the other verbs want, and runs until Ctrl-C.\n\n"
               "  fota s3 --dir .s3\n",
    .options = OPTIONS,
    .run = run,
};
