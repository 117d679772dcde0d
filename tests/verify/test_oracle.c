// Every case of the outside oracle on every instruction set and several numbers of threads; and
// that the judge is one: a case with one number moved does not pass.
#include "support.h"

#include <dirent.h>
#include <unistd.h>

#include "model/safetensors.h"
#include "verify/verify.h"

// Those from outside, and those of rules that classify, which make_digits_cases.py made.
static const char *const folders[] = {"../shared/oracle/cases", "tests/verify/cases"};

enum { CASES_MAX = 64 };
static char *cases[CASES_MAX];
static int case_count;

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_cases_in(const char *folder)
{
    static const char ending[] = ".safetensors";
    DIR *const open = opendir(folder);
    for (const struct dirent *entry; open && (entry = readdir(open));) {
        const size_t length = strlen(entry->d_name);
        if (length < sizeof ending || strcmp(entry->d_name + length + 1 - sizeof ending, ending))
            continue;
        assert_true(case_count < CASES_MAX);
        cases[case_count] = malloc(strlen(folder) + length + 2);
        sprintf(cases[case_count++], "%s/%s", folder, entry->d_name);
    }
    if (open)
        closedir(open);
}

static void find_cases(void)
{
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        find_cases_in(folders[i]);
    qsort(cases, (size_t)case_count, sizeof *cases, compare_names);
}

// Judges one file; returns how many of its tensors fail, and how many there are. What was found is
// printed where something fails although it should not.
static int judge(const char *path, const nca_compute *on, bool should_pass, int *checked)
{
    char *text;
    size_t size;
    nca_verdict verdict = {.to = open_memstream(&text, &size)};
    assert_non_null(verdict.to);
    assert_ok(nca_verify_file(path, on, &verdict, error));
    fclose(verdict.to);
    if (should_pass && verdict.failed > 0)
        print_message("%s", text);
    free(text);
    *checked = verdict.checked;
    return verdict.failed;
}

static void test_every_case_passes(void **state)
{
    (void)state;
#if defined(NCA_TEST_SANITIZED)
    static const int threads[] = {2};   // other numbers go through the same code
#else
    static const int threads[] = {1, 2, 7};
#endif
    const int counts = sizeof threads / sizeof *threads;
    int tried = 0, failed = 0;
    for (int i = 0; isas[i]; i++)
        for (int t = 0; t < counts; t++) {
            nca_compute on;
            if (!open_cpu(isas[i], threads[t], &on))
                break;
            for (int c = 0; c < case_count; c++) {
                int checked;
                failed += judge(cases[c], &on, true, &checked);
                assert_true(checked >= 2);
                tried++;
            }
            nca_compute_close(&on);
        }
    print_message("%d runs of %d cases\n", tried, case_count);
    assert_int_equal(failed, 0);
    assert_true(tried >= counts * case_count);
}

#if !defined(NCA_TEST_BY_SIMDE)
static void test_the_reference_passes(void **state)
{
    (void)state;
    nca_compute on = open_reference();
    for (int c = 0; c < case_count; c++) {
        int checked;
        if (strstr(cases[c], "_56_"))
            continue;   // takes long in f64, and the others show the same
        assert_int_equal(judge(cases[c], &on, true, &checked), 0);
    }
    nca_compute_close(&on);
}
#endif

// Writes a copy of a case in which one tensor is wrong by a thousandth of its norm, in one element.
static void write_wrong(const nca_tensors *from, size_t which, const char *path)
{
    const nca_tensor right = from->tensor[which];
    double *wrong = allocate(right.elements, sizeof *wrong), squares = 0;
    memcpy(wrong, right.data, right.size_bytes);
    for (size_t i = 0; i < right.elements; i++)
        squares += wrong[i] * wrong[i];
    wrong[right.elements / 2] += 1e-3 * sqrt(squares);
    from->tensor[which].data = wrong;
    assert_ok(nca_tensors_write(path, from->tensor, from->count, from->metadata,
                                from->metadata_count, error));
    from->tensor[which] = right;
    free(wrong);
}

static void check_that_wrong_fails(const char *path, const nca_compute *on)
{
    char scratch[] = "/tmp/nca_test_oracle_XXXXXX";
    const int file = mkstemp(scratch);
    nca_tensors tensors;
    int spoiled = 0;
    assert_true(file >= 0);
    close(file);
    assert_ok(nca_tensors_read(path, &tensors, error));
    for (size_t i = 0; i < tensors.count; i++) {
        int checked;
        if (strncmp(tensors.tensor[i].name, "expected.", 9) != 0)
            continue;
        write_wrong(&tensors, i, scratch);
        if (judge(scratch, on, false, &checked) != 1)
            fail_msg("%s: a wrong %s is not noticed", path, tensors.tensor[i].name);
        spoiled++;
    }
    assert_true(spoiled >= 2);
    nca_tensors_free(&tensors);
    unlink(scratch);
}

static void test_a_wrong_number_is_noticed(void **state)
{
    (void)state;
    nca_compute on;
    if (!open_cpu(isas[0], 1, &on))
        return;
    for (int c = 0; c < case_count; c++)
        if (strstr(cases[c], "one_step_half_fire") || strstr(cases[c], "adam_cosine") ||
            strstr(cases[c], "digits"))
            check_that_wrong_fails(cases[c], &on);
    nca_compute_close(&on);
}

// Adam as some device might get it wrong: a parameter becomes a NaN.
static const nca_backend *right;

static nca_status update_to_nan(nca_session *session, const nca_optimizer_step *step,
                                nca_update_report *report, nca_error *error)
{
    const float nothing = NAN;
    NCA_TRY(right->update(session, step, report, error));
    NCA_TRY(right->upload(session, NCA_PARAMETERS, 0, 1, &nothing, error));
    return NCA_OK;
}

static void test_parameters_that_are_nan_do_not_pass(void **state)
{
    (void)state;
    nca_compute on;
    int judged = 0;
    if (!open_cpu(isas[0], 1, &on))
        return;
    right = on.backend;
    nca_backend wrong = *on.backend;
    wrong.update = update_to_nan;
    const nca_compute spoilt = {.backend = &wrong, .device = on.device};
    for (int c = 0; c < case_count; c++) {
        int checked;
        if (!strstr(cases[c], "adam"))
            continue;
        assert_int_equal(judge(cases[c], &spoilt, false, &checked), 1);   // of "a" and "b", "a"
        judged++;
    }
    if (judged == 0)
        print_message("not tested: no case of an optimizer\n");
    nca_compute_close(&on);
}

int main(void)
{
    find_cases();
    if (access(folders[0], F_OK) != 0)
        printf("not there: %s\n", folders[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_case_passes),
#if !defined(NCA_TEST_BY_SIMDE)
        cmocka_unit_test(test_the_reference_passes),
#endif
        cmocka_unit_test(test_a_wrong_number_is_noticed),
        cmocka_unit_test(test_parameters_that_are_nan_do_not_pass),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int c = 0; c < case_count; c++)
        free(cases[c]);
    return failed;
}
