// Whether the emulated device has launched every kernel that there is.
#ifndef NCA_TESTS_CUDA_LAUNCHES_H
#define NCA_TESTS_CUDA_LAUNCHES_H

#include "device_under_test.h"

#include <dirent.h>

#if defined(NCA_TEST_EMULATED)
// The kernels that a .cu file launches; how many there are.
static inline int check_launches_of(const char *path)
{
    static const char macro[] = "NCA_LAUNCH";
    char line[512], kernel[64];
    int found = 0;
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        const char *at = strstr(line, macro);
        at = at ? strchr(at, '(') : NULL;
        if (!at || sscanf(at + strspn(at, "("), "%63[a-z_0-9]", kernel) != 1)
            continue;
        if (nca_emulator_launches_of(kernel) == 0)
            fail_msg("%s: no test launched %s", path, kernel);
        found++;
    }
    fclose(file);
    return found;
}

// Of every .cu file; returns how many kernels there are.
static inline int check_launches(void)
{
    static const char folder[] = "src/kernels/cuda";
    DIR *const files = opendir(folder);
    int found = 0;
    assert_non_null(files);
    for (const struct dirent *entry; (entry = readdir(files));) {
        char path[512];
        const size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 3, ".cu"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        const int kernels = check_launches_of(path);
        if (kernels == 0)
            fail_msg("%s: launches nothing that this test could find", path);
        found += kernels;
    }
    closedir(files);
    return found;
}
#endif

#endif
