/* What pretrain calls of MPI, with plain types: every MPI has a binary interface of its own, so this file is compiled where the
 * program runs, against the MPI that is there, and loaded when it is needed. `pretrain mpi-library` does it.
 *
 * All calls come from one thread at a time, though not always the same one. Functions return 0, or an error of MPI or of this
 * file that pretrain_mpi_explain puts into words. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

/* Raised with every change of these functions. */
int pretrain_mpi_interface(void) { return 2; }

/* An error of this file; MPI's are positive. */
#define TOO_FEW_THREADS -1

static MPI_Request *requests;
static int request_count;

/* A free place in the list, which grows; -1 where there is no memory. */
static int free_slot(void) {
    for (int i = 0; i < request_count; i++)
        if (requests[i] == MPI_REQUEST_NULL) return i;
    int count = request_count ? 2 * request_count : 64;
    MPI_Request *longer = realloc(requests, count * sizeof *requests);
    if (!longer) return -1;
    requests = longer;
    for (int i = request_count; i < count; i++) requests[i] = MPI_REQUEST_NULL;
    int slot = request_count;
    request_count = count;
    return slot;
}

int pretrain_mpi_start(int *rank, int *count) {
    int provided = 0, initialized = 0;
    int code = MPI_Initialized(&initialized);
    if (!code)
        code = initialized ? MPI_Query_thread(&provided)
                           : MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    if (!code && provided < MPI_THREAD_SERIALIZED) {
        /* Its launcher waits for those who have begun. */
        if (!initialized) MPI_Finalize();
        return TOO_FEW_THREADS;
    }
    if (!code) code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    /* Where MPI 4 reports errors of calls that name no communicator. */
    if (!code) code = MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    if (!code) code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
    if (!code) code = MPI_Comm_size(MPI_COMM_WORLD, count);
    return code;
}

/* The library's name and version. `text` has room for `length` bytes, the last of which is 0. */
void pretrain_mpi_library(char *text, int length) {
    char name[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int used = 0;
    MPI_Get_library_version(name, &used);
    strncpy(text, name, length - 1);
    text[length - 1] = 0;
}

/* At most 2^31 - 1 bytes at a time. */
int pretrain_mpi_send(const void *bytes, int count, int to, int tag, int *slot) {
    if ((*slot = free_slot()) < 0) return MPI_ERR_NO_MEM;
    return MPI_Isend(bytes, count, MPI_BYTE, to, tag, MPI_COMM_WORLD, &requests[*slot]);
}

/* From -1: from anybody. */
int pretrain_mpi_receive(void *bytes, int count, int from, int tag, int *slot) {
    if ((*slot = free_slot()) < 0) return MPI_ERR_NO_MEM;
    return MPI_Irecv(
        bytes, count, MPI_BYTE, from < 0 ? MPI_ANY_SOURCE : from, tag, MPI_COMM_WORLD, &requests[*slot]);
}

/* Whether a message has been sent or has arrived; its slot is free then. */
int pretrain_mpi_test(int slot, int *done) { return MPI_Test(&requests[slot], done, MPI_STATUS_IGNORE); }

/* Gives up a message that was to be received. */
int pretrain_mpi_cancel(int slot) {
    if (requests[slot] == MPI_REQUEST_NULL) return 0;
    int code = MPI_Cancel(&requests[slot]);
    return code ? code : MPI_Wait(&requests[slot], MPI_STATUS_IGNORE);
}

void pretrain_mpi_explain(int code, char *text, int length) {
    char message[MPI_MAX_ERROR_STRING] = "unknown error";
    int used = 0;
    if (code != TOO_FEW_THREADS) MPI_Error_string(code, message, &used);
    strncpy(text, code == TOO_FEW_THREADS ? "it cannot be called from several threads in turn (MPI_THREAD_SERIALIZED): it was "
                                            "built or set up for programs of a single thread"
                                          : message, length - 1);
    text[length - 1] = 0;
}

int pretrain_mpi_finish(void) { return MPI_Finalize(); }

/* Ends all ranks, also those that hang. */
int pretrain_mpi_abort(int status) { return MPI_Abort(MPI_COMM_WORLD, status); }
