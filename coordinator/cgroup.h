/* cgroup.h - which control groups this process is in, as directories of files that can be read.
 *
 * Everything is looked up below a root directory ("" for the real one), so that tests build trees of their
 * own.
 */
#ifndef ATL_COORDINATOR_CGROUP_H
#define ATL_COORDINATOR_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

enum { ATL_CGROUP_PATH = 4096 };

/* Where a hierarchy's files are: from `leaf` up to `top`, its ancestor or itself. Both with the root. */
typedef struct atl_cgroup {
    char leaf[ATL_CGROUP_PATH], top[ATL_CGROUP_PATH];
} atl_cgroup;

/* The process's group in the hierarchy of a v1 controller ("cpu", "memory"), or in v2's, which has no name
 * (NULL). Reads <root>/proc/self/cgroup and <root>/proc/self/mountinfo. False: there is none. Where the group
 * lies outside of what is mounted here (a container's own namespace), the mount's top stands for it. */
bool atl_cgroup_find(const char *root, const char *controller, atl_cgroup *ret);

/* Cuts the last name off `group->leaf`; false if it was the top: there is nothing above that can be seen. */
bool atl_cgroup_up(atl_cgroup *group);

/* The first `size` - 1 bytes of <dir>/<name> as a text; false if there is no such file. */
bool atl_cgroup_read(const char *dir, const char *name, char *ret_text, size_t size);

#endif
