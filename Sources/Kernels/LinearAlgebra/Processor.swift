import CProcessor

/// What kernels of matrix products are chosen by, of a processor and of what the operating system lets programs use of it.
public struct Processor: Sendable, Equatable {
    /// As CPUID spells it, such as "GenuineIntel"; empty where the processor is not an x86.
    public var vendor: String
    /// With the extended bits, as makers count them.
    public var family: Int
    public var model: Int
    /// The widest instructions that it has.
    public var instructions: Instructions
    /// AVX512_BF16.
    public var hasBFloat16: Bool
    /// The tiles of AMX, with bfloat16.
    public var hasAMX: Bool

    /// Instruction sets that kernels of products are written for, narrowest first.
    public enum Instructions: Int, Sendable, Comparable, CaseIterable {
        /// Any before AVX.
        case sse
        case avx
        /// AVX2 with FMA.
        case avx2
        /// AVX-512 with the parts F, CD, BW, DQ and VL.
        case avx512

        public static func < (a: Instructions, b: Instructions) -> Bool { a.rawValue < b.rawValue }
    }

    public init(
        vendor: String, family: Int, model: Int, instructions: Instructions, hasBFloat16: Bool = false,
        hasAMX: Bool = false
    ) {
        self.vendor = vendor
        self.family = family
        self.model = model
        self.instructions = instructions
        self.hasBFloat16 = hasBFloat16
        self.hasAMX = hasAMX
    }

    /// The one that this process runs on.
    public static let current: Processor = {
        let found = processor_features()
        let vendor = withUnsafeBytes(of: found.vendor) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return Processor(
            vendor: vendor, family: Int(found.family), model: Int(found.model),
            instructions: found.avx512 ? .avx512 : found.avx2 ? .avx2 : found.avx ? .avx : .sse,
            hasBFloat16: found.avx512_bfloat16, hasAMX: found.amx_bfloat16)
    }()

    /// The widest instructions that pay. AMD's Zen 4 (family 0x19, as Zen 3, which has no AVX-512) executes AVX-512 in
    /// halves, so that kernels for AVX2, whose schedules are better, are faster (docs/PERFORMANCE.md).
    var worthwhile: Instructions {
        vendor == "AuthenticAMD" && family == 0x19 ? min(instructions, .avx2) : instructions
    }
}
