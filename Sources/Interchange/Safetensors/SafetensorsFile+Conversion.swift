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
        if entry.type == .float32, isLittleEndian {
            let target = UnsafeMutableBufferPointer(rebasing: buffer[..<entry.count])
            return try read(entry, into: UnsafeMutableRawBufferPointer(target))
        }
        try convert(entry, as: "Float") { index, number in
            switch number {
            case .floating(let value):
                let float = Float(value)
                if float.isInfinite, value.isFinite { return false }
                buffer.initializeElement(at: index, to: float)
            case .signed(let value): buffer.initializeElement(at: index, to: Float(value))
            case .unsigned(let value): buffer.initializeElement(at: index, to: Float(value))
            case .boolean: return nil
            }
            return true
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

    private enum Number {
        case floating(Double)
        case signed(Int64)
        case unsigned(UInt64)
        case boolean(Bool)
    }

    /// Shows every element to `take`, which answers false where the value does not fit, nil where the type does not.
    private func convert(
        _ entry: SafetensorsHeader.Tensor, as wanted: String, _ take: (Int, Number) -> Bool?
    ) throws {
        let bytes = try bytes(of: entry.name)
        try bytes.withUnsafeBytes { bytes in
            func load<Value: FixedWidthInteger>(_ index: Int, _ type: Value.Type) -> Value {
                Value(littleEndian: bytes.loadUnaligned(fromByteOffset: index * entry.type.size, as: Value.self))
            }
            for index in 0..<entry.count {
                let number: Number
                switch entry.type {
                case .float64: number = .floating(Double(bitPattern: load(index, UInt64.self)))
                case .float32: number = .floating(Double(Float(bitPattern: load(index, UInt32.self))))
                case .float16: number = .floating(Double(Float(half: load(index, UInt16.self))))
                case .bfloat16:
                    number = .floating(Double(Float(bitPattern: UInt32(load(index, UInt16.self)) << 16)))
                case .signed8: number = .signed(Int64(load(index, Int8.self)))
                case .signed16: number = .signed(Int64(load(index, Int16.self)))
                case .signed32: number = .signed(Int64(load(index, Int32.self)))
                case .signed64: number = .signed(load(index, Int64.self))
                case .unsigned8: number = .unsigned(UInt64(load(index, UInt8.self)))
                case .unsigned16: number = .unsigned(UInt64(load(index, UInt16.self)))
                case .unsigned32: number = .unsigned(UInt64(load(index, UInt32.self)))
                case .unsigned64: number = .unsigned(load(index, UInt64.self))
                case .bool: number = .boolean(bytes[index] != 0)
                case .float8E4M3, .float8E5M2:
                    throw SafetensorsError(path, .unsuitableType(tensor: entry.name, type: entry.type, wanted: wanted))
                }
                switch take(index, number) {
                case true?: continue
                case false?:
                    throw SafetensorsError(path, .valueOutOfRange(tensor: entry.name, index: index, wanted: wanted))
                case nil:
                    throw SafetensorsError(path, .unsuitableType(tensor: entry.name, type: entry.type, wanted: wanted))
                }
            }
        }
    }
}

extension Float {
    /// The value of an IEEE 754 binary16 bit pattern. (`Float16` is not available on every platform.)
    init(half bits: UInt16) {
        let sign: Float = bits >> 15 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 0x1F)
        let fraction = bits & 0x3FF
        switch exponent {
        case 0: self = sign * Float(fraction) * 0x1p-24
        case 31: self = Float(bitPattern: UInt32(bits >> 15) << 31 | 0x7F80_0000 | UInt32(fraction) << 13)
        default: self = sign * Float(sign: .plus, exponent: exponent - 25, significand: Float(fraction | 0x400))
        }
    }
}

private let isLittleEndian = UInt16(1).littleEndian == 1
