/// Why a message was refused; the names are rows of the error table in `src/core/errors.ts`.
///
/// The discriminants are the statuses of [`crate::words`]; 0 means accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Code {
    /// Not JSON.
    ParseSyntax = 1,
    /// Not UTF-8.
    ParseUtf8 = 2,
    /// Nothing but white space.
    ParseEmpty = 3,
    /// Containers nested deeper than the limit.
    JsonDepth = 4,
    /// More values than the limit.
    JsonNodes = 5,
    /// A number literal longer than the limit.
    JsonNumber = 6,
    /// A tracked object has a key twice.
    JsonDuplicateKey = 7,
    /// A `\u` escape of half a surrogate pair.
    JsonSurrogate = 8,
    /// A control character in a key, method, name or URI.
    JsonControl = 9,
    /// The message is neither an object nor an array.
    EnvelopeType = 10,
    /// `jsonrpc` is not "2.0".
    EnvelopeVersion = 11,
    /// `id` is missing where it must be, or neither string nor integer, or too long.
    EnvelopeId = 12,
    /// `method` is not a string, empty or too long.
    EnvelopeMethod = 13,
    /// `params` is not an object.
    EnvelopeParams = 14,
    /// Neither request, notification nor response.
    EnvelopeShape = 15,
    /// A batch without messages.
    BatchEmpty = 16,
    /// A batch with more messages than the limit.
    BatchSize = 17,
}

impl Code {
    /// Every code, in the order of the statuses.
    pub const ALL: [Self; 17] = [
        Self::ParseSyntax,
        Self::ParseUtf8,
        Self::ParseEmpty,
        Self::JsonDepth,
        Self::JsonNodes,
        Self::JsonNumber,
        Self::JsonDuplicateKey,
        Self::JsonSurrogate,
        Self::JsonControl,
        Self::EnvelopeType,
        Self::EnvelopeVersion,
        Self::EnvelopeId,
        Self::EnvelopeMethod,
        Self::EnvelopeParams,
        Self::EnvelopeShape,
        Self::BatchEmpty,
        Self::BatchSize,
    ];

    /// The name of the row in the error table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ParseSyntax => "PARSE_SYNTAX",
            Self::ParseUtf8 => "PARSE_UTF8",
            Self::ParseEmpty => "PARSE_EMPTY",
            Self::JsonDepth => "JSON_DEPTH",
            Self::JsonNodes => "JSON_NODES",
            Self::JsonNumber => "JSON_NUMBER",
            Self::JsonDuplicateKey => "JSON_DUPLICATE_KEY",
            Self::JsonSurrogate => "JSON_SURROGATE",
            Self::JsonControl => "JSON_CONTROL",
            Self::EnvelopeType => "ENVELOPE_TYPE",
            Self::EnvelopeVersion => "ENVELOPE_VERSION",
            Self::EnvelopeId => "ENVELOPE_ID",
            Self::EnvelopeMethod => "ENVELOPE_METHOD",
            Self::EnvelopeParams => "ENVELOPE_PARAMS",
            Self::EnvelopeShape => "ENVELOPE_SHAPE",
            Self::BatchEmpty => "BATCH_EMPTY",
            Self::BatchSize => "BATCH_SIZE",
        }
    }
}
