import CLZ4

/// LZ4 frames, as the `lz4` tool writes them.
final class LZ4Decompressor: Decompressor {
    private let context: OpaquePointer
    private(set) var isAtFrameEnd = true

    init() throws {
        var context: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0, let context else {
            throw DecompressionFailure(reason: "lz4 could not be started")
        }
        self.context = context
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> (consumed: Int, produced: Int) {
        if input.isEmpty && isAtFrameEnd { return (0, 0) }
        var consumed = input.count
        var produced = output.count
        let result = LZ4F_decompress(context, output.baseAddress, &produced, input.baseAddress, &consumed, nil)
        if LZ4F_isError(result) != 0 {
            throw DecompressionFailure(reason: String(cString: LZ4F_getErrorName(result)))
        }
        isAtFrameEnd = result == 0
        return (consumed, produced)
    }
}
