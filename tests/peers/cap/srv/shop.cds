// A small service, for reading it over OData V4 and V2. The tests write its records over OData, and know what is in it.
namespace shop;

entity Customers {
  key id   : String(10);
      name : String(80) not null;
      city : String(40);
}

entity Items {
  key parent  : Association to Orders;
  key line    : Integer;
      product : String(40);
      amount  : Decimal(9, 3) not null;
}

entity Orders {
  key ID        : UUID;
      number    : String(20) not null;
      status    : String(10) enum { open; paid; gone } default 'open';
      total     : Decimal(15, 2) not null;
      discount  : Decimal(5, 4);
      weight    : Double;
      pieces    : Integer;
      serial    : Integer64;
      express   : Boolean;
      ordered   : Date;
      delivery  : Time;
      due       : DateTime;
      note      : String(200);
      changedAt : Timestamp @cds.on.insert: $now  @cds.on.update: $now;
      customer  : Association to Customers;
      items     : Composition of many Items on items.parent = $self;
}

@path    : 'shop'
@requires: 'authenticated-user'
@cds.query.limit: { default: 40, max: 40 }
service Shop {
  entity Customers as projection on shop.Customers;
  entity Items     as projection on shop.Items;
  entity Orders    as projection on shop.Orders;
}
