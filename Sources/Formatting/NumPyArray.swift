import Foundation

/// An array in NumPy's file format, version 1.0 (numpy.lib.format): for `numpy.load`.
public struct NumPyArray {
    /// Number types that are written.
    public enum Element: String, Sendable {
        case float32 = "<f4"
        case int64 = "<i8"
    }

    /// What stands before the numbers.
    ///
    /// - Parameter shape: row-major.
    public static func header(_ element: Element, shape: [Int]) -> Data {
        // A tuple of one has a comma.
        let sizes = shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
        var text = "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': (\(sizes)), }"
        // Magic, version, length and text fill a multiple of 64 bytes; the text ends with a line feed.
        let before = 10
        text += String(repeating: " ", count: 63 - (before + text.utf8.count) % 64) + "\n"
        var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
        data.append(contentsOf: [UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8)])
        return data + Data(text.utf8)
    }

    /// A vector of whole numbers.
    public static func contents(_ values: [Int]) -> Data {
        var data = header(.int64, shape: [values.count])
        values.map(Int64.init).withUnsafeBytes { data.append(contentsOf: $0) }
        return data
    }
}
