import Formatting
import Foundation
import Testing

@Suite("NumPy arrays")
struct NumPyArrayTests {
    @Test("The header that numpy writes itself, whatever the shape") func header() {
        // numpy.save of numpy.zeros((3, 4), "<f4") in NumPy 2.
        let expected = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
        let header = NumPyArray.header(.float32, shape: [3, 4])
        #expect(header.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
        #expect(String(decoding: header.dropFirst(10), as: UTF8.self).hasPrefix(expected))
        for shape in [[1], [123_456_789], [3, 4], [1_000_000, 1024], [Int.max, 8]] {
            let header = Array(NumPyArray.header(.int64, shape: shape))
            #expect(header.count % 64 == 0 && header.last == 0x0A)
            #expect(Int(header[8]) + Int(header[9]) << 8 == header.count - 10)
        }
    }

    @Test("Numbers follow") func contents() {
        let numbers = NumPyArray.contents([0, 7]).suffix(16).withUnsafeBytes { bytes in
            (0..<2).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
        }
        #expect(numbers == [0, 7])
    }
}
