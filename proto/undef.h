/* undef.h: ends one reading of proto/messages.def. Has no guard: it is included after each. */
#undef RECORD
#undef END_RECORD
#undef MESSAGE
#undef END_MESSAGE
#undef CAPABILITY
#undef STR
#undef U64
#undef I64
#undef F64
#undef BOOL
#undef BLOB
#undef STRS
#undef LIST
