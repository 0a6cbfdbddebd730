/* First process in the emulator: runs each line of /tests, reports on the serial port, and has Bochs end. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(char *line) {
    char *argv[16];
    int n = 0, status = -1;
    for (char *word = strtok(line, " \n"); word && n < 15; word = strtok(NULL, " \n"))
        argv[n++] = word;
    argv[n] = NULL;
    if (n == 0)
        return 0;
    pid_t child = fork();
    if (child == 0) {
        execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return status != 0;
}

int main(void) {
    char line[512];
    int failed = 0, console;
    mount("proc", "/proc", "proc", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mkdir("/dev/shm", 0777);
    mount("shm", "/dev/shm", "tmpfs", 0, NULL);
    mount("tmp", "/tmp", "tmpfs", 0, NULL);
    console = open("/dev/console", O_RDWR);
    for (int fd = 0; fd < 3 && console >= 0; fd++)
        dup2(console, fd);
    FILE *tests = fopen("/tests", "r");
    failed |= !tests;
    while (tests && fgets(line, sizeof line, tests)) {
        printf("EMULATOR: %s", line);
        fflush(stdout);
        failed |= run(line);
    }
    printf("EMULATOR: %s\n", failed ? "FAILED" : "PASSED");
    fflush(stdout);
    sleep(1);
    if (iopl(3) == 0)
        for (const char *c = "Shutdown"; *c; c++)
            outb((unsigned char)*c, 0x8900); /* a port of Bochs */
    for (;;)
        pause();
}
