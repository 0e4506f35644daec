/** Spellings of one word, by script; each row folds to one form. */
export const SPELLINGS: readonly (readonly string[])[] = [
  ["Łukasiewicz", "ŁUKASIEWICZ", "lukasiewicz"],
  ["Øystein", "oystein", "ØYSTEIN"],
  ["Weiß", "WEISS", "WEIẞ", "weiss"],
  ["Straße", "STRASSE"],
  ["Đặng Văn Đức", "dang van duc"],
  ["Þór Æsir Œuvre", "thor aesir oeuvre"],
  ["İstanbul", "istanbul", "ISTANBUL", "ıstanbul"],
  ["ﬁnance ﬂow", "finance flow"],
  ["ＡＢＣ１２３", "abc123"],
  ["Ёлка", "елка", "ЁЛКА", "Е\u0308лка"],
  ["йод", "ЙОД", "и\u0306од"],
  ["Київ", "КИЇВ", "Киі\u0308в"],
  ["ΟΔΌΣ", "οδος", "οδός", "ΟΔΟΣ"],
  ["الكُتُب", "الكتب", "الكتـــب"],
  ["أحمد", "احمد", "آحمد"],
  ["مدرسة", "مدرسه"],
  ["کتاب", "كتاب"],
  ["שָׁלוֹם", "שלום"],
  ["क़लम", "कलम"],
  ["サンドボックス", "ｻﾝﾄﾞﾎﾞｯｸｽ", "さんどぼっくす"],
  ["髙橋", "高橋"],
  ["한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"],
  ["٢٠٢٦", "۲۰۲۶", "२०२६", "２０２６", "2026"],
  ["co\u00adoperate", "coope\u200brate", "cooperate"],
  ["ʻOkina", "okina"],
];

/** Words of one script that remain different. */
export const APART: readonly (readonly [string, string])[] = [
  ["йод", "иод"],
  ["Київ", "Кіив"],
  ["คืน", "คน"],
  ["हिन्दी", "हन्द"],
  ["か", "が"],
  ["退款", "付款"],
];

/** Texts with their words in an index. */
export const SEGMENTS: readonly (readonly [text: string, words: readonly string[]])[] = [
  ["客户可以申请退款。", ["客户", "户可", "可以", "以申", "申请", "请退", "退款", "款"]],
  ["使用API接口", ["使用", "用", "api", "接口", "口"]],
  ["山田 太郎", ["山田", "田", "太郎", "郎"]],
  ["환불은 7일", ["환불", "불은", "은", "7", "일"]],
  ["Don’t pay twice-a-month", ["don", "t", "pay", "twice", "a", "month"]],
  ["退", ["退"]],
  ["…", []],
];
