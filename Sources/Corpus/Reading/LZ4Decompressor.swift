import CLZ4

/// LZ4 frames, as the `lz4` tool writes them.
package final class LZ4Decompressor: Decompressor {
    private let context: OpaquePointer
    package private(set) var isAtFrameEnd = true

    package init() throws {
        var context: OpaquePointer?
        guard LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0, let context else {
            throw DecompressionFailure(reason: "lz4 could not be started, for lack of memory", isLimit: true)
        }
        self.context = context
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    package func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> (consumed: Int, produced: Int) {
        if input.isEmpty && isAtFrameEnd { return (0, 0) }
        // The header of a frame says with its lowest flag that a dictionary is needed.
        if isAtFrameEnd, input.count > 4, input.starts(with: [0x04, 0x22, 0x4D, 0x18]), input[4] & 1 != 0 {
            throw DecompressionFailure(
                reason: "it was compressed with a dictionary; compress it again without one", isLimit: true)
        }
        var consumed = input.count
        var produced = output.count
        let result = LZ4F_decompress(context, output.baseAddress, &produced, input.baseAddress, &consumed, nil)
        if LZ4F_isError(result) != 0 {
            let name = String(cString: LZ4F_getErrorName(result))
            if name == "ERROR_allocation_failed" {
                throw DecompressionFailure(reason: "there is not enough memory", isLimit: true)
            }
            if name == "ERROR_headerVersion_wrong" {
                throw DecompressionFailure(reason: "\(name); compress it again with a current lz4", isLimit: true)
            }
            throw DecompressionFailure(reason: name)
        }
        isAtFrameEnd = result == 0
        return (consumed, produced)
    }
}
