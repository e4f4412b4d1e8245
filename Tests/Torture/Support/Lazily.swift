import Synchronization

/// A value that is made when it is first asked for, by whoever asks first.
final class Lazily<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func get(_ make: () throws -> Value) throws -> Value {
        try value.withLock { value in
            if let value { return value }
            let made = try make()
            value = made
            return made
        }
    }
}
