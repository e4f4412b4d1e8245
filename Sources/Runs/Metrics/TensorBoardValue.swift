/// What a summary of TensorBoard shows. Source: tensorboard/compat/proto/summary.proto and tensor.proto,
/// tensorboard/plugins/hparams/plugin_data.proto.
enum TensorBoardValue {
    case scalar(Float)
    case histogram(ValueHistogram)
    /// As Markdown.
    case text(String)
    /// Settings of the run, for the HParams tab.
    case sessionStart([Hyperparameter], time: Double)
    /// How the run ended.
    case sessionEnd(isSuccess: Bool, time: Double)

    /// Under which the HParams tab looks for them.
    static let sessionStartTag = "_hparams_/session_start_info"
    static let sessionEndTag = "_hparams_/session_end_info"

    /// A value of a summary.
    func message(tag: String) -> ProtocolBufferMessage {
        ProtocolBufferMessage { value in
            value.add(1, tag)
            switch self {
            case .scalar(let scalar): value.add(2, scalar)
            case .histogram(let histogram): value.add(5, Self.message(histogram))
            case .text(let text):
                // A tensor of one string.
                value.add(
                    8,
                    ProtocolBufferMessage {
                        $0.add(1, varint: 7)
                        $0.add(2, ProtocolBufferMessage { $0.add(2, ProtocolBufferMessage { $0.add(1, varint: 1) }) })
                        $0.add(8, text)
                    })
                value.add(9, Self.metadata("text", content: []))
            case .sessionStart(let hyperparameters, let time):
                value.add(8, ProtocolBufferMessage { $0.add(1, varint: 1) })
                let session = ProtocolBufferMessage { session in
                    for hyperparameter in hyperparameters {
                        session.add(
                            1,
                            ProtocolBufferMessage {
                                $0.add(1, hyperparameter.name)
                                $0.add(2, hyperparameter.value.message)
                            })
                    }
                    session.add(5, time)
                }
                value.add(9, Self.metadata("hparams", content: ProtocolBufferMessage { $0.add(3, session) }.bytes))
            case .sessionEnd(let isSuccess, let time):
                value.add(8, ProtocolBufferMessage { $0.add(1, varint: 1) })
                let session = ProtocolBufferMessage {
                    $0.add(1, varint: isSuccess ? 1 : 2)
                    $0.add(2, time)
                }
                value.add(9, Self.metadata("hparams", content: ProtocolBufferMessage { $0.add(4, session) }.bytes))
            }
        }
    }

    private static func metadata(_ plugin: String, content: [UInt8]) -> ProtocolBufferMessage {
        ProtocolBufferMessage { metadata in
            metadata.add(
                1,
                ProtocolBufferMessage {
                    $0.add(1, plugin)
                    if !content.isEmpty { $0.add(2, content) }
                })
            // Of text: data is a tensor.
            if plugin == "text" { metadata.add(4, varint: 2) }
        }
    }

    private static func message(_ histogram: ValueHistogram) -> ProtocolBufferMessage {
        let buckets = histogram.buckets
        return ProtocolBufferMessage {
            $0.add(1, histogram.minimum)
            $0.add(2, histogram.maximum)
            $0.add(3, Double(histogram.count))
            $0.add(4, histogram.sum)
            $0.add(5, histogram.sumOfSquares)
            $0.add(6, packed: buckets.map(\.limit))
            $0.add(7, packed: buckets.map { Double($0.count) })
        }
    }
}

/// A setting of a run.
public struct Hyperparameter: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
        case number(Double)
        case text(String)
        case flag(Bool)

        /// `google.protobuf.Value`.
        var message: ProtocolBufferMessage {
            ProtocolBufferMessage {
                switch self {
                case .number(let number): $0.add(2, number)
                case .text(let text): $0.add(3, text)
                case .flag(let flag): $0.add(4, varint: flag ? 1 : 0)
                }
            }
        }
    }

    public var name: String
    public var value: Value

    public init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}
