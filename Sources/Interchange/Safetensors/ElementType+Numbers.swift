extension ElementType {
    enum Number {
        case floating(Double)
        case signed(Int64)
        case unsigned(UInt64)
        case boolean(Bool)
    }

    static let isLittleEndian = UInt16(1).littleEndian == 1

    /// Reads little-endian elements of any number type as `Float`, rounded to nearest where they are wider.
    ///
    /// - Parameters:
    ///   - tensor: whose they are, for errors.
    ///   - buffer: has room for `count` numbers.
    /// - Throws: `.valueOutOfRange` for a finite number beyond the range of `Float`, `.unsuitableType` for BOOL and 8-bit
    ///   floating point.
    func convert(
        _ bytes: UnsafeRawBufferPointer, count: Int, tensor: String, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(SafetensorsFailure) {
        if self == .float32, Self.isLittleEndian {
            UnsafeMutableRawBufferPointer(buffer).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * 4)]))
            return
        }
        try forEach(bytes, count: count, tensor: tensor, as: "Float") { index, number in
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

    /// Shows every element to `take`, which answers false where the value does not fit, nil where the type does not.
    func forEach(
        _ bytes: UnsafeRawBufferPointer, count: Int, tensor: String, as wanted: String, _ take: (Int, Number) -> Bool?
    ) throws(SafetensorsFailure) {
        func load<Value: FixedWidthInteger>(_ index: Int, _ type: Value.Type) -> Value {
            Value(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: Value.self))
        }
        for index in 0..<count {
            let number: Number
            switch self {
            case .float64: number = .floating(Double(bitPattern: load(index, UInt64.self)))
            case .float32: number = .floating(Double(Float(bitPattern: load(index, UInt32.self))))
            case .float16: number = .floating(Double(Float(half: load(index, UInt16.self))))
            case .bfloat16: number = .floating(Double(Float(bitPattern: UInt32(load(index, UInt16.self)) << 16)))
            case .signed8: number = .signed(Int64(load(index, Int8.self)))
            case .signed16: number = .signed(Int64(load(index, Int16.self)))
            case .signed32: number = .signed(Int64(load(index, Int32.self)))
            case .signed64: number = .signed(load(index, Int64.self))
            case .unsigned8: number = .unsigned(UInt64(load(index, UInt8.self)))
            case .unsigned16: number = .unsigned(UInt64(load(index, UInt16.self)))
            case .unsigned32: number = .unsigned(UInt64(load(index, UInt32.self)))
            case .unsigned64: number = .unsigned(load(index, UInt64.self))
            case .bool: number = .boolean(bytes[index] != 0)
            case .float8E4M3, .float8E5M2: throw .unsuitableType(tensor: tensor, type: self, wanted: wanted)
            }
            switch take(index, number) {
            case true?: continue
            case false?: throw .valueOutOfRange(tensor: tensor, index: index, wanted: wanted)
            case nil: throw .unsuitableType(tensor: tensor, type: self, wanted: wanted)
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
