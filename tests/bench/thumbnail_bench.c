/* thumbnail_bench: thumbnail_bench CLIP ROUNDS | thumbnail_bench --methods CLIP
 *
 * Prints one line a round: CPU milliseconds of both images by the encoder's engine, of one 640 px image by the command
 * ffmpegthumbnailer (-1 without it), and of the latter's start alone, taken in turn so that a noisy machine is as noisy
 * to each; then the requests and bytes that the engine needed. With --methods: CPU and size of each WebP method on the
 * picture that is chosen. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors/encoder/pick.h"
#include "actors/encoder/webp.h"
#include "tests/bed/range_player.h"

static double thread_cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double engine_ms(const uint8_t *bytes, size_t n, struct play *play)
{
    struct engine_request request = play_request("clip.mp4");
    struct engine_result result;
    double begin_ms = thread_cpu_ms();
    enum engine_outcome outcome = play_run(play, bytes, n, &request, &result);
    double end_ms = thread_cpu_ms();
    if (outcome != ENGINE_DONE) {
        fprintf(stderr, "no thumbnail: %s\n", result.error.text);
        exit(1);
    }
    engine_result_free(&result);
    return end_ms - begin_ms;
}

static double tv_ms(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

/* CPU time of a command, quiet; -1 if it fails. */
static double command_ms(const char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return -1;
    return tv_ms(usage.ru_utime) + tv_ms(usage.ru_stime);
}

static int bench_rounds(const char *clip, const uint8_t *bytes, size_t n, int rounds)
{
    /* Its defaults (PNG), at the second that the others show. */
    const char *const thumbnailer[] = {
        "ffmpegthumbnailer", "-i", clip, "-o", "/dev/null", "-s", "640", "-t", "3%", NULL};
    const char *const start[] = {"ffmpegthumbnailer", "-v", NULL};
    for (int round = 0; round < rounds; round++) {
        struct play play = {.first_bytes = 0};
        double ours_ms = engine_ms(bytes, n, &play);
        printf("%.2f %.2f %.2f %u %llu\n", ours_ms, command_ms(thumbnailer), command_ms(start), play.requests,
               (unsigned long long)play.bytes_read);
    }
    return 0;
}

static int bench_methods(const uint8_t *bytes, size_t n)
{
    struct window_io windows = {.total_bytes = n, .last_round = true};
    struct media media;
    struct picture picture;
    struct ry_error err;
    AVFrame *frame = NULL;
    if (!window_io_place(&windows, 0, bytes, n) || media_open(&media, &windows, "clip.mp4", &err) != RY_OK ||
        pick_frame(&media, 1.0, RY_FRAME_SMART, &frame, &err) != RY_OK ||
        picture_from_frame(&picture, frame, (struct turn){.transpose = false}, (struct extent){640, 360}, &err) !=
            RY_OK) {
        fprintf(stderr, "no picture: %s\n", err.text);
        return 1;
    }
    for (int method = 0; method <= 6; method++) {
        const int repeats = 10;
        size_t size = 0;
        double begin_ms = thread_cpu_ms();
        for (int i = 0; i < repeats; i++) {
            struct ry_frame *file = NULL;
            if (webp_encode(&picture, 85, method, &file, &err) == RY_OK)
                size = ry_frame_size(file);
            ry_frame_unref(file);
        }
        printf("webp method %d: %6.2f ms, %zu bytes\n", method, (thread_cpu_ms() - begin_ms) / repeats, size);
    }
    picture_free(&picture);
    av_frame_free(&frame);
    media_close(&media);
    return 0;
}

int main(int argc, char **argv)
{
    bool methods = argc == 3 && strcmp(argv[1], "--methods") == 0;
    const char *clip = argc == 3 ? argv[methods ? 2 : 1] : NULL;
    size_t n;
    uint8_t *bytes = clip ? play_load(clip, &n) : NULL;
    if (!bytes) {
        fprintf(stderr, "usage: thumbnail_bench CLIP ROUNDS | thumbnail_bench --methods CLIP\n");
        return 2;
    }
    engine_set_up();
    int rc = methods ? bench_methods(bytes, n) : bench_rounds(clip, bytes, n, atoi(argv[2]));
    free(bytes);
    return rc;
}
