extension ElementType {
    /// What `config.json` and torch call it; nil where no weights are of it.
    var torchName: String? {
        switch self {
        case .float32: "float32"
        case .bfloat16: "bfloat16"
        case .float16: "float16"
        default: nil
        }
    }

    /// The nearest number of 16 bits, ties to even.
    ///
    /// - Returns: nil where a finite number is beyond the type's range, or for any other type.
    func rounded(_ value: Float) -> UInt16? {
        switch self {
        case .bfloat16:
            let bits = value.bitPattern
            guard value.isFinite else { return UInt16(truncatingIfNeeded: bits >> 16) | (value.isNaN ? 0x40 : 0) }
            let result = UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
            return result & 0x7FFF < 0x7F80 ? result : nil
        case .float16: return Self.half(value)
        default: return nil
        }
    }

    /// IEEE 754 binary16. (`Float16` is not available on every platform.)
    private static func half(_ value: Float) -> UInt16? {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        if value.isNaN { return sign | 0x7E00 }
        let magnitude = abs(value)
        if magnitude.isInfinite { return sign | 0x7C00 }
        // From here on it would be rounded to 65536, which there is not.
        guard magnitude < 65520 else { return nil }
        // In units of the last place: of the smallest number below 2^-14, of the number's own exponent above.
        let exponent = max(magnitude == 0 ? -14 : Int(magnitude.exponent), -14)
        let units = UInt16(
            (magnitude * Float(sign: .plus, exponent: 10 - exponent, significand: 1)).rounded(.toNearestOrEven))
        // A significand that was rounded up to 2048 carries into the exponent by itself.
        return sign | (UInt16(exponent + 14) << 10) &+ units
    }
}
