/** Thrown inside a running validation that takes more work than allowed; never leaves the room. */
export class ValidationBudgetExceeded extends Error {}
