/// Type of a tensor's elements in a safetensors file; raw values as the format spells them.
public enum ElementType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case unsigned8 = "U8"
    case signed8 = "I8"
    case unsigned16 = "U16"
    case signed16 = "I16"
    case unsigned32 = "U32"
    case signed32 = "I32"
    case unsigned64 = "U64"
    case signed64 = "I64"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3 = "F8_E4M3"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float32 = "F32"
    case float64 = "F64"

    /// Bytes per element.
    public var size: Int {
        switch self {
        case .bool, .unsigned8, .signed8, .float8E5M2, .float8E4M3: 1
        case .unsigned16, .signed16, .float16, .bfloat16: 2
        case .unsigned32, .signed32, .float32: 4
        case .unsigned64, .signed64, .float64: 8
        }
    }
}
