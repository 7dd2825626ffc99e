/* job_pack.h - a job's fields in a message; private to the room. The same bytes are what a job's id is made
 * of. */
#ifndef ATL_SCHEMAS_JOB_PACK_H
#define ATL_SCHEMAS_JOB_PACK_H

#include "pack.h"
#include "schemas/job.h"

/* Every field that decides the picture's bytes, but for the savings, and `repeat`, in a fixed order. */
void atl_job_pack_content(msgpack_packer *packer, const atl_job *job);
/* What saves work; part of the id where anything is saved. */
void atl_job_pack_savings(msgpack_packer *packer, const atl_job *job);
void atl_job_unpack_savings(atl_unpack *in, atl_job *job);
void atl_job_unpack_content(atl_unpack *in, atl_job *job);

#endif
