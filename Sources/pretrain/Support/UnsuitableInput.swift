/// A model or a text that a command can do nothing with, though its arguments are right: status 1, and no word on usage.
struct UnsuitableInput: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
