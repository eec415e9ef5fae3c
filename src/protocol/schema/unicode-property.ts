import { PatternUnsupported } from './pattern-syntax.ts';

const CATEGORIES: Readonly<Record<string, string>> = {
  Letter: 'L',
  Lowercase_Letter: 'Ll',
  Uppercase_Letter: 'Lu',
  Titlecase_Letter: 'Lt',
  Modifier_Letter: 'Lm',
  Other_Letter: 'Lo',
  Mark: 'M',
  Combining_Mark: 'M',
  Nonspacing_Mark: 'Mn',
  Spacing_Mark: 'Mc',
  Enclosing_Mark: 'Me',
  Number: 'N',
  Decimal_Number: 'Nd',
  digit: 'Nd',
  Letter_Number: 'Nl',
  Other_Number: 'No',
  Punctuation: 'P',
  punct: 'P',
  Connector_Punctuation: 'Pc',
  Dash_Punctuation: 'Pd',
  Open_Punctuation: 'Ps',
  Close_Punctuation: 'Pe',
  Initial_Punctuation: 'Pi',
  Final_Punctuation: 'Pf',
  Other_Punctuation: 'Po',
  Symbol: 'S',
  Math_Symbol: 'Sm',
  Currency_Symbol: 'Sc',
  Modifier_Symbol: 'Sk',
  Other_Symbol: 'So',
  Separator: 'Z',
  Space_Separator: 'Zs',
  Line_Separator: 'Zl',
  Paragraph_Separator: 'Zp',
  Control: 'Cc',
  cntrl: 'Cc',
  Format: 'Cf',
  Private_Use: 'Co',
};
const SHORT_CATEGORIES: ReadonlySet<string> = new Set(Object.values(CATEGORIES));

/**
 * RE2's name of an ECMA-262 Unicode property: general categories and scripts, which both engines define alike.
 * @throws PatternUnsupported for the binary properties, which RE2 does not know.
 */
export function categoryOrScript(name: string): string {
  const [left = '', right] = name.split('=', 2);
  if (right === undefined || left === 'gc' || left === 'General_Category') {
    const category = right ?? left;
    const short = CATEGORIES[category] ?? category;
    if (SHORT_CATEGORIES.has(short)) return short;
  } else if (left === 'sc' || left === 'Script') {
    return right;
  }
  throw new PatternUnsupported(`Unicode property ${name.slice(0, 40)}`);
}
