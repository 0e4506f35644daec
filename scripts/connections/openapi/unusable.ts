/** Why one operation cannot become a tool; the others can. The message continues «The operation X …». */
export class Unusable extends Error {}
