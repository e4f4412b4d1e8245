import Foundation

/// Intel's oneDNN, loaded where it is used and nowhere else: the program runs without it.
///
/// Its product of bfloat16 matrices packs them for the tiles of AMX, or for AVX512_BF16 where there are no tiles. The function
/// is exported but undocumented; its declaration is that of `src/common/gemm.cpp`, the same in 2.x and 3.x.
final class OneDNN: Sendable {
    private typealias Product =
        @convention(c) (
            CChar, CChar, Int64, Int64, Int64, Float, UnsafePointer<UInt16>, Int64, UnsafePointer<UInt16>, Int64, Float,
            UnsafeMutablePointer<Float>, Int64
        ) -> Int32
    private struct Version {
        var major: Int32
        var minor: Int32
        var patch: Int32
    }

    private let product: Product
    private let limitOpenMP: @convention(c) (Int32) -> Void
    /// Such as "oneDNN 2.6.3 with AMX": its kernels, and so the bits, differ by these.
    let name: String

    /// nil where the library is not installed, or is one that threads in a way that cannot be kept from it.
    static let shared = ["libdnnl.so.3", "libdnnl.so.2"].lazy.compactMap { OneDNN(library: $0) }.first

    private init?(library file: String) {
        guard let library = dlopen(file, RTLD_NOW | RTLD_LOCAL),
            let product = dlsym(library, "dnnl_gemm_bf16bf16f32"),
            // Searched for in what the library has brought along, too. oneDNN would divide every product among all
            // processors; parallelism is in the lanes above.
            let limit = dlsym(library, "omp_set_num_threads"),
            let version = dlsym(library, "dnnl_version"),
            let instructions = dlsym(library, "dnnl_get_effective_cpu_isa")
        else { return nil }
        self.product = unsafeBitCast(product, to: Product.self)
        limitOpenMP = unsafeBitCast(limit, to: (@convention(c) (Int32) -> Void).self)
        typealias VersionFunction = @convention(c) () -> UnsafeRawPointer
        let found = unsafeBitCast(version, to: VersionFunction.self)().load(as: Version.self)
        let isa = unsafeBitCast(instructions, to: (@convention(c) () -> Int32).self)()
        // `dnnl_cpu_isa_avx512_core_amx`, whose bits those of later processors contain.
        let amx: Int32 = 0x3e7
        name = "oneDNN \(found.major).\(found.minor).\(found.patch)" + (isa & amx == amx ? " with AMX" : "")
    }

    /// `result ← scale · op(a) · op(b) (+ result)`, row-major, on the calling thread.
    func multiply(
        _ a: UnsafePointer<UInt16>, stride aStride: Int, transposed transposesA: Bool,
        _ b: UnsafePointer<UInt16>, stride bStride: Int, transposed transposesB: Bool,
        into result: Matrix, depth: Int, accumulate: Bool, scale: Float
    ) {
        guard depth > 0 else {
            if !accumulate {
                for row in 0..<result.rows { result.row(row).update(repeating: 0, count: result.columns) }
            }
            return
        }
        // Every thread has a number of its own, which is that of all processors at first.
        limitOpenMP(1)
        let (normal, transposed) = (CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "T")))
        let status = product(
            transposesA ? transposed : normal, transposesB ? transposed : normal, Int64(result.rows),
            Int64(result.columns), Int64(depth), scale, a, Int64(aStride), b, Int64(bStride), accumulate ? 1 : 0,
            result.base, Int64(result.stride))
        precondition(status == 0, "oneDNN: status \(status)")
    }
}
