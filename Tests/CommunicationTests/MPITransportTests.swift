import Communication
import Foundation
import Testing

/// The library for MPI, made for one that is only pretended.
@Suite("The library for MPI", .serialized)
struct MPITransportTests {
    /// The library for an MPI of one process.
    ///
    /// - Parameter level: of threads that MPI provides, as a C expression.
    /// - Returns: where it is.
    private static func library(in folder: String, providing level: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let header = """
            #include <stddef.h>
            #include <string.h>
            typedef int MPI_Request, MPI_Comm, MPI_Datatype, MPI_Status, MPI_Errhandler;
            enum { MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE };
            enum { MPI_REQUEST_NULL, MPI_COMM_WORLD, MPI_COMM_SELF, MPI_BYTE, MPI_ERRORS_RETURN, MPI_ERR_NO_MEM, MPI_ANY_SOURCE };
            enum { MPI_MAX_ERROR_STRING = 256, MPI_MAX_LIBRARY_VERSION_STRING = 256 };
            #define MPI_STATUS_IGNORE ((MPI_Status *)0)
            static int MPI_Initialized(int *is) { *is = 0; return 0; }
            static int MPI_Init_thread(void *a, void *b, int wanted, int *level) { *level = \(level); return 0; }
            static int MPI_Query_thread(int *level) { *level = \(level); return 0; }
            static int MPI_Comm_set_errhandler(MPI_Comm c, MPI_Errhandler e) { return 0; }
            static int MPI_Comm_rank(MPI_Comm c, int *rank) { *rank = 0; return 0; }
            static int MPI_Comm_size(MPI_Comm c, int *size) { *size = 1; return 0; }
            static int MPI_Get_library_version(char *text, int *n) { strcpy(text, "Pretended MPI 1.0, x"); return 0; }
            static int MPI_Isend(const void *b, int n, MPI_Datatype d, int to, int t, MPI_Comm c, MPI_Request *r)
            { return 0; }
            static int MPI_Irecv(void *b, int n, MPI_Datatype d, int of, int t, MPI_Comm c, MPI_Request *r)
            { return 0; }
            static int MPI_Test(MPI_Request *r, int *done, MPI_Status *s) { *done = 1; return 0; }
            static int MPI_Cancel(MPI_Request *r) { return 0; }
            static int MPI_Wait(MPI_Request *r, MPI_Status *s) { return 0; }
            static int MPI_Error_string(int code, char *text, int *n) { strcpy(text, "an error"); return 0; }
            static int MPI_Finalize(void) { return 0; }
            static int MPI_Abort(MPI_Comm c, int status) { return 0; }

            """
        try Data(header.utf8).write(to: URL(fileURLWithPath: "\(folder)/mpi.h"))
        let compiler = "\(folder)/mpicc"
        // Whichever C compiler is there; Swift needs one.
        let script = """
            #!/bin/sh
            command -v clang >/dev/null && exec clang -I '\(folder)' "$@"
            exec cc -I '\(folder)' "$@"

            """
        try Data(script.utf8).write(to: URL(fileURLWithPath: compiler))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: compiler)
        return try MPILibrary.build(
            compiler: compiler, output: "\(folder)/library.so", environment: [:], executable: "/nowhere/pretrain")
    }

    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "/pretrain-mpi-tests-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test("An MPI that may only be called from one thread is refused")
    func threadLevel() throws {
        try Self.withFolder { folder in
            for level in ["MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED"] {
                let path = try Self.library(in: "\(folder)/\(level)", providing: level)
                let error = #expect(throws: CommunicationError.self) {
                    _ = try MPITransport(libraryPath: path, expectedRankCount: nil)
                }
                #expect("\(error!)".contains("MPI_THREAD_SERIALIZED"), "\(error!)")
            }
        }
    }

    @Test("Others are taken, and say who they are; ranks have to be as many as were started")
    func serialized() throws {
        try Self.withFolder { folder in
            let path = try Self.library(in: folder, providing: "MPI_THREAD_SERIALIZED")
            let transport = try MPITransport(libraryPath: path, expectedRankCount: 1)
            #expect(transport.rank == 0 && transport.rankCount == 1)
            #expect(transport.library == "Pretended MPI 1.0")
            transport.finish()
            let error = #expect(throws: CommunicationError.self) {
                _ = try MPITransport(libraryPath: path, expectedRankCount: 2)
            }
            #expect(
                error
                    == CommunicationError.otherMPI(library: "Pretended MPI 1.0", path: path, ranks: 1, launched: 2))
        }
    }
}
