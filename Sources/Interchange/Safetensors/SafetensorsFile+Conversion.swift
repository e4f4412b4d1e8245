import Foundation

extension SafetensorsFile {
    /// Reads a tensor of any number type as `Float`, rounded to nearest where it is wider.
    ///
    /// - Throws: `SafetensorsError.Problem.valueOutOfRange` for a finite F64 beyond the range of `Float`, and
    ///   `unsuitableType` for BOOL and 8-bit floating point.
    public func floats(of name: String) throws -> [Float] {
        let entry = try require(name)
        return try [Float](unsafeUninitializedCapacity: entry.count) { buffer, count in
            try read(entry, into: buffer)
            count = entry.count
        }
    }

    /// Reads a tensor into memory that has room for exactly its elements, converted like `floats(of:)`.
    public func read(_ name: String, into buffer: UnsafeMutableBufferPointer<Float>) throws {
        let entry = try require(name)
        guard buffer.count == entry.count else {
            throw SafetensorsError(path, .wrongCount(tensor: name, expected: entry.count, found: buffer.count))
        }
        try read(entry, into: buffer)
    }

    private func read(_ entry: SafetensorsHeader.Tensor, into buffer: UnsafeMutableBufferPointer<Float>) throws {
        if entry.type == .float32, ElementType.isLittleEndian {
            let target = UnsafeMutableBufferPointer(rebasing: buffer[..<entry.count])
            return try read(entry, into: UnsafeMutableRawBufferPointer(target))
        }
        let bytes = try bytes(of: entry.name)
        try bytes.withUnsafeBytes { bytes in
            try locating(path) { () throws(SafetensorsFailure) in
                try entry.type.convert(bytes, count: entry.count, tensor: entry.name, into: buffer)
            }
        }
    }

    /// Reads a tensor of any number type as `Double`.
    public func doubles(of name: String) throws -> [Double] {
        let entry = try require(name)
        var values: [Double] = []
        values.reserveCapacity(entry.count)
        try convert(entry, as: "Double") { _, number in
            switch number {
            case .floating(let value): values.append(value)
            case .signed(let value): values.append(Double(value))
            case .unsigned(let value): values.append(Double(value))
            case .boolean: return nil
            }
            return true
        }
        return values
    }

    /// Reads a tensor of any integer type, or BOOL as 0 and 1.
    public func integers<Integer: FixedWidthInteger>(
        of name: String, as type: Integer.Type = Int.self
    ) throws -> [Integer] {
        let entry = try require(name)
        var values: [Integer] = []
        values.reserveCapacity(entry.count)
        try convert(entry, as: "\(type)") { _, number in
            let value: Integer?
            switch number {
            case .floating: return nil
            case .signed(let number): value = Integer(exactly: number)
            case .unsigned(let number): value = Integer(exactly: number)
            case .boolean(let flag): value = flag ? 1 : 0
            }
            guard let value else { return false }
            values.append(value)
            return true
        }
        return values
    }
}

extension SafetensorsFile {
    /// Shows every element to `take`, which answers false where the value does not fit, nil where the type does not.
    private func convert(
        _ entry: SafetensorsHeader.Tensor, as wanted: String, _ take: (Int, ElementType.Number) -> Bool?
    ) throws {
        let bytes = try bytes(of: entry.name)
        try bytes.withUnsafeBytes { bytes in
            try locating(path) { () throws(SafetensorsFailure) in
                try entry.type.forEach(bytes, count: entry.count, tensor: entry.name, as: wanted, take)
            }
        }
    }
}
