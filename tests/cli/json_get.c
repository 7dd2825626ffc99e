/* json_get.c - `json_get FILE KEY…`: prints the value at that path of a JSON file, for the scripts here.
 * Arrays are entered by index; `#` is their length. Exit code 1 if the file is not strict JSON or there is no
 * such value. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *root = argc > 1 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!root) {
        fprintf(stderr, "%s: %s\n", argc > 1 ? argv[1] : "json_get", argc > 1 ? error.text : "which file?");
        return 1;
    }
    const json_t *at = root;
    for (int i = 2; i < argc && at; i++) {
        if (strcmp(argv[i], "#") == 0) {
            printf("%zu\n", json_array_size(at));
            json_decref(root);
            return 0;
        }
        at =
            json_is_array(at) ? json_array_get(at, strtoul(argv[i], NULL, 10)) : json_object_get(at, argv[i]);
    }
    if (at && json_is_string(at))
        puts(json_string_value(at));
    else if (at)
        json_dumpf(at, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    const int code = at ? 0 : 1;
    json_decref(root);
    return code;
}
